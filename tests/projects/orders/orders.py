"""Orders of a shop, and what they cost."""

from dataclasses import dataclass


@dataclass
class Line:
    """One article of an order."""

    article: str
    price: float
    count: int = 1


class OutOfStockError(Exception):
    """Raised when an article cannot be delivered."""


class Order:
    """What one customer buys at once.

    Args:
        customer: Who buys.
    """

    def __init__(self, customer: str):
        self.customer = customer
        self.lines: list[Line] = []

    def add_line(self, article: str, price: float, count: int = 1) -> Line:
        if price < 0:
            raise ValueError("a price is never negative")
        line = Line(article, price, count)
        self.lines.append(line)
        return line

    def total(self, discount: float = 0.0, *, tax_rate: float = 0.19) -> float:
        """Sum up what the order costs.

        Args:
            rebate: Share of the price that is taken off.
            tax_rate: Share that is added, 0.07 by default.

        Returns:
            The price with tax.
        """
        net = sum(line.price * line.count for line in self.lines)
        return net * (1 - discount) * (1 + tax_rate)

    def lines_over(self, limit: float):
        for line in self.lines:
            if line.price * line.count > limit:
                yield line

    def is_empty(self) -> bool:
        return not self.lines


def find_order(orders: list[Order], customer: str) -> Order:
    for order in orders:
        if order.customer == customer:
            return order
    raise KeyError(customer)


def reserve(stock: dict[str, int], order: Order) -> None:
    for line in order.lines:
        if stock.get(line.article, 0) < line.count:
            raise OutOfStockError(line.article)
        stock[line.article] -= line.count
