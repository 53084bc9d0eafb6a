"""Agents that work together through a `.temp/` folder whose documents cannot fall out of step."""
