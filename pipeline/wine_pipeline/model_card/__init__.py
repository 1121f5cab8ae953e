"""The component that says of each model, in one page for a person, what it is and how good."""
