#!/bin/sh
# Fetches the fonts and Plotly again, in the versions README.md names, and checks them against SHA256SUMS. Needs npm.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fetch() {
    package=$(cd "$work" && npm pack --silent "$1")
    tar -xzf "$work/$package" -C "$work"
    cp "$work/package/LICENSE" "$2-LICENSE.txt"
}
for font in inter jetbrains-mono; do
    fetch "@fontsource-variable/$font@5.3.0" "$font"
    cp "$work/package/files/$font-latin-wght-normal.woff2" .
done
plotly=4.1.1
fetch "plotly.js-cartesian-dist-min@$plotly" plotly
cp "$work/package/plotly-cartesian.min.js" "plotly-cartesian-$plotly.min.js"
gzip -9nkf "plotly-cartesian-$plotly.min.js" # served to browsers that take it: a third of the bytes
sha256sum -c SHA256SUMS
