-- Who uses a coupon asks for its holds, and for its latest capture: a coupon may have been used ten thousand times. Coupons
-- that can be used once have one capture at most, and no entry in the second index.
-- depends: 0007.schemes-and-states

CREATE INDEX redemption_held ON redemption (coupon_id, id) WHERE state = 1;
CREATE INDEX redemption_captured ON redemption (coupon_id, captured_at, id) WHERE state = 2 AND kind IN (4, 5);
