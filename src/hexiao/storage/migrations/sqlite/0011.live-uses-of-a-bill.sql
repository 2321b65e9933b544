-- What is off a bill now is found without reading what was on it once: a till that holds under one and the same number,
-- and releases again, leaves thousands of such rows there.
-- depends: 0010.requests-in-order-of-making

DROP INDEX redemption_bill;
CREATE INDEX redemption_bill ON redemption (merchant_id, bill_number, shop_id, state);
