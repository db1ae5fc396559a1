"""The rules that the models lack. Importing this package puts them in force."""
