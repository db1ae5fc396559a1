"""Adds up orders: `hoist invoke -f report -d '{"orders": [3, 4.5]}'`."""
import os


def handler(event, context):
    orders = event.get("orders", [])
    print(f"adding up {len(orders)} orders")
    return {"total": sum(orders), "currency": os.environ["CURRENCY"]}
