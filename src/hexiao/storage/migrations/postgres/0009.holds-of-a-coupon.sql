-- A code that everybody may use can be held ten thousand times at once. Who uses it asks which of these holds are over, and
-- which one ends next. Coupons that can be used once have one hold at most, and no entry here.
-- depends: 0008.uses-of-a-coupon

CREATE INDEX redemption_held_often ON redemption (coupon_id, held_until_at) WHERE state = 1 AND kind IN (4, 5);
