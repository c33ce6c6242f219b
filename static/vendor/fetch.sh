#!/bin/sh
# Fetches the fonts again, in the versions README.md names, and checks them against SHA256SUMS. Needs npm.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for font in inter jetbrains-mono; do
    package=$(cd "$work" && npm pack --silent "@fontsource-variable/$font@5.3.0")
    tar -xzf "$work/$package" -C "$work"
    cp "$work/package/files/$font-latin-wght-normal.woff2" .
    cp "$work/package/LICENSE" "$font-LICENSE.txt"
done
sha256sum -c SHA256SUMS
