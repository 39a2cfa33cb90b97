"""What all evaluations share: tables and the page that shows them."""
