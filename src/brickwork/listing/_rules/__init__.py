"""What a listing decides by itself: operators, values, cursors, orders, pages, totals and links."""
