"""The inside of instances: file trees on disks, and scripts that really run in them."""
