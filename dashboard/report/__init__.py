"""Reports: one HTML file each that says what a page says, for those who cannot open the page.

Before: a run, a claim, or a range of time with filters. After: a file that is opened from a disk or an attachment, with
no network: figures, styles and fonts are in it, and its own content policy lets nothing else in.

parts     what a report is made of: numbers, tables, figures
figures   the charts that no page has
run, claim, span_of_time   what is told of each
document  all of it in one file
"""
