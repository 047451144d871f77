"""Reads template.yml (ROS) and s.yaml (Serverless Devs, fc3), strictly, and builds the account they describe."""
