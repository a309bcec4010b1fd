"""The container on this machine: started, asked, stopped."""
