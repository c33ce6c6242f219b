"""What the overview says: how the claims stand, how fast they are, what is slow now, and what stands out in an area.

Before: `dashboard.parameters` has read the address. After: `views.home` draws each part of the page by itself.
"""
