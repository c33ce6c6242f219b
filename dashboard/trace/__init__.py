"""What the trace's page draws with; `views.trace` calls it in this order. The claim's page uses the first three too.

reading        spans as rows, without models
tree           each in its place
critical_path  what the trace was waiting for
waterfall, statistics, span_detail   the page's parts
waterfall_html   written
"""
