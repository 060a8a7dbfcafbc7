"""Parity: do both apps respond alike?"""
