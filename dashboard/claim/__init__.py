"""What the claim's page draws with; `views.claim` calls it in this order.

reading        all that is known of one claim
pool_usual     what is usual in its pool
skew           how far the client's clock is off, and the story without that
axis, zoom     nanoseconds to percent
critical       what the claim was waiting for
lanes, span_lanes, log_lane, cells, clocks   rows, stages, the foot
timeline       all of these, drawn
timeline_html, markdown   written
"""
