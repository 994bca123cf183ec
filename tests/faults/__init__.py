"""What breaks, on purpose: processes killed, servers restarted, disks full."""
