"""Two of the same kind side by side: what each took, by how much they differ, what one of them alone has.

claims  two starts, stage by stage
traces  two traces, operation by operation
ranges  two ranges of time, stage by stage and operation by operation, from rollups
"""
