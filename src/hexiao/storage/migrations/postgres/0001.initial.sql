-- The first schema. Every guarded row names its own key, and every key of the redeem path holds its coupon's id,
-- so the same tables can be spread by coupon. Money is fen, instants are UTC ms, JSON is text.
-- depends:

CREATE TABLE merchant (
    id bigint NOT NULL PRIMARY KEY, name text NOT NULL, time_zone text NOT NULL, currency text NOT NULL
);
CREATE TABLE shop (
    id bigint NOT NULL PRIMARY KEY, merchant_id bigint NOT NULL, number text NOT NULL, name text NOT NULL,
    address text NOT NULL, work_state text NOT NULL
);
CREATE TABLE cashier (
    id bigint NOT NULL PRIMARY KEY, merchant_id bigint NOT NULL, name text NOT NULL, shop_id bigint
);
CREATE TABLE member (
    id bigint NOT NULL PRIMARY KEY, merchant_id bigint NOT NULL, name text NOT NULL, mobile text NOT NULL,
    card_id text NOT NULL, card_number text NOT NULL
);
CREATE INDEX member_card ON member (merchant_id, card_id);
CREATE TABLE item (
    id bigint NOT NULL PRIMARY KEY, merchant_id bigint NOT NULL, sku text NOT NULL, name text NOT NULL,
    category text NOT NULL, UNIQUE (merchant_id, sku)
);
CREATE TABLE credential (
    id bigint NOT NULL PRIMARY KEY, merchant_id bigint NOT NULL, door text NOT NULL, public_id text NOT NULL,
    name text NOT NULL, role text NOT NULL, sealed bytea NOT NULL, revoked_at bigint, UNIQUE (door, public_id)
);

CREATE TABLE scheme (
    id bigint NOT NULL PRIMARY KEY, merchant_id bigint NOT NULL, number text NOT NULL, kind integer NOT NULL,
    latest integer NOT NULL, paused integer NOT NULL, shown_in_list integer NOT NULL, shown_on_goods integer NOT NULL,
    created_at bigint NOT NULL, updated_at bigint NOT NULL, seq integer NOT NULL, UNIQUE (merchant_id, number)
);
CREATE TABLE scheme_version (
    scheme_id bigint NOT NULL, version integer NOT NULL, name text NOT NULL, description text NOT NULL,
    terms text NOT NULL, benefit text NOT NULL, PRIMARY KEY (scheme_id, version)
);
-- Slot 0 is exact and guarded, for schemes with a stock or a budget; other slots only count.
CREATE TABLE scheme_count (
    scheme_id bigint NOT NULL, slot integer NOT NULL, issued bigint NOT NULL, captured_uses bigint NOT NULL,
    held_fen bigint NOT NULL, captured_fen bigint NOT NULL, PRIMARY KEY (scheme_id, slot)
);
CREATE TABLE receipt_count (
    scheme_id bigint NOT NULL, member_id bigint NOT NULL, received integer NOT NULL CHECK (received >= 0),
    PRIMARY KEY (scheme_id, member_id)
);

CREATE TABLE coupon_code (
    merchant_id bigint NOT NULL, code text NOT NULL, coupon_id bigint NOT NULL, PRIMARY KEY (merchant_id, code)
);
CREATE TABLE coupon (
    id bigint NOT NULL PRIMARY KEY, merchant_id bigint NOT NULL, scheme_id bigint NOT NULL,
    scheme_version integer NOT NULL, code text NOT NULL, record_id bigint NOT NULL, member_id bigint,
    channel integer NOT NULL, face_fen bigint, uses_max integer,
    held_fen bigint NOT NULL CHECK (held_fen >= 0), captured_fen bigint NOT NULL CHECK (captured_fen >= 0),
    held_uses integer NOT NULL CHECK (held_uses >= 0), captured_uses integer NOT NULL CHECK (captured_uses >= 0),
    seq integer NOT NULL, valid_from_at bigint NOT NULL, valid_until_at bigint NOT NULL, issued_at bigint NOT NULL,
    voided_at bigint, changed_at bigint NOT NULL,
    CHECK (face_fen IS NULL OR held_fen + captured_fen <= face_fen),
    CHECK (uses_max IS NULL OR held_uses + captured_uses <= uses_max)
) WITH (fillfactor = 80); -- balance updates stay on their page
CREATE INDEX coupon_member ON coupon (member_id, id) WHERE member_id IS NOT NULL;
CREATE INDEX coupon_scheme ON coupon (scheme_id, id);

CREATE TABLE redemption (
    coupon_id bigint NOT NULL, id bigint NOT NULL, merchant_id bigint NOT NULL, scheme_id bigint NOT NULL,
    kind integer NOT NULL, bill_number text NOT NULL, shop_id bigint NOT NULL, cashier_id bigint, member_id bigint,
    scene text NOT NULL, state integer NOT NULL, held_fen bigint NOT NULL, captured_fen bigint NOT NULL,
    reversed_fen bigint NOT NULL, lines text NOT NULL, returned text NOT NULL, reversals integer NOT NULL,
    held_until_at bigint, created_at bigint NOT NULL, captured_at bigint, settled_at bigint,
    changed_at bigint NOT NULL, request_id text NOT NULL, PRIMARY KEY (coupon_id, id)
);
CREATE INDEX redemption_id ON redemption (id);
CREATE INDEX redemption_bill ON redemption (merchant_id, shop_id, bill_number);
CREATE INDEX redemption_shop_time ON redemption (shop_id, created_at, id);
CREATE INDEX redemption_merchant_time ON redemption (merchant_id, created_at, id);
CREATE INDEX redemption_due ON redemption (held_until_at) WHERE state = 1;

CREATE TABLE journal (
    coupon_id bigint NOT NULL, seq integer NOT NULL, entry text NOT NULL, redemption_id bigint, part integer NOT NULL,
    d_held_fen bigint NOT NULL, d_captured_fen bigint NOT NULL, d_held_uses integer NOT NULL,
    d_captured_uses integer NOT NULL, held_after_fen bigint NOT NULL, captured_after_fen bigint NOT NULL,
    at bigint NOT NULL, request_id text NOT NULL, actor text NOT NULL, cashier_id bigint, reason text NOT NULL,
    PRIMARY KEY (coupon_id, seq)
);
CREATE UNIQUE INDEX journal_once ON journal (coupon_id, redemption_id, entry, part) WHERE redemption_id IS NOT NULL;
CREATE TABLE refusal (
    id bigint NOT NULL PRIMARY KEY, merchant_id bigint NOT NULL, coupon_id bigint, typed_code text NOT NULL,
    code text NOT NULL, shop_id bigint, bill_number text NOT NULL, cashier_id bigint, at bigint NOT NULL,
    request_id text NOT NULL, actor text NOT NULL, verdicts bytea NOT NULL
);

CREATE TABLE bill (
    merchant_id bigint NOT NULL, shop_id bigint NOT NULL, number text NOT NULL, seq integer NOT NULL,
    PRIMARY KEY (merchant_id, shop_id, number)
);
CREATE TABLE request (
    id text NOT NULL PRIMARY KEY, fingerprint bytea NOT NULL, answer bytea NOT NULL, at bigint NOT NULL
);
CREATE INDEX request_at ON request (at);
-- Every server start takes the next number; it keeps the ids of two processes apart.
CREATE TABLE node (name text NOT NULL PRIMARY KEY, last integer NOT NULL);
INSERT INTO node (name, last) VALUES ('start', 0);
