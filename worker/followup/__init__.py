"""Follow-ups: opening, joining, moving, escalating and closing them."""
