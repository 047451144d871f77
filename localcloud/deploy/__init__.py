"""Reads template.yml (ROS) and s.yaml (Serverless Devs, fc3), checks them strictly, and builds the account that they describe."""
