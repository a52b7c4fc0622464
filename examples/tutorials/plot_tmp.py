"""
A placeholder
=============
"""
print("x")
