"""Install both environments and the browser, and write the lock files."""
