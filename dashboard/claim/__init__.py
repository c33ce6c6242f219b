"""What the claim's page draws with; `views.claim` calls it in this order.

reading        all that is known of one claim
pool_usual     what is usual in its pool
axis           nanoseconds to percent
lanes, cells, clocks   rows, stages, the foot
timeline       all of these, drawn
timeline_html, markdown   written
"""
