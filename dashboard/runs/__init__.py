"""What the pages of test runs draw with.

form     what a person asks for, checked, as a plan; and the other way round
choices  what the cluster offers the form: pools, namespaces
sheet    one run as its page shows it: numbers, a cell and a row for each sandbox
stages   its stages beside those of an earlier run
"""
