"""What exists in the demo: the merchant, its shops, cashiers, members, goods and schemes, and the codes worth knowing.

Everything here is made up but for the few records that the two vendors print in their documents (see samples.py).
"""

from __future__ import annotations

from typing import NamedTuple
from zoneinfo import ZoneInfo

from hexiao.domain.party import Cashier, Item, Member, Merchant, Shop
from hexiao.domain.scheme import (
    Balance,
    DaysFromNextDay,
    DaysFromReceipt,
    Goods,
    GoodsOff,
    MoneyOff,
    RateOff,
    RateUses,
    Shops,
    Terms,
    Window,
)
from hexiao.engine.commands import CreateScheme

ACTOR = "demo"
ZONE = ZoneInfo("Asia/Shanghai")
MERCHANT_ID = 1
MERCHANT = Merchant(id=MERCHANT_ID, name="笑儿食品（演示商户）")

KINGDEE_SHOP, ZVCMS_SHOP, MAIN_STREET, CAMPUS, HIGH_TECH = 1333333333, 283, 284, 285, 286
KINGDEE_CASHIER = 1333222
KINGDEE_MEMBER, ZVCMS_MEMBER = 1333333333, 100001138

SHOPS = (
    Shop(id=KINGDEE_SHOP, merchant_id=MERCHANT_ID, number="001", name="001门店"),
    Shop(
        id=ZVCMS_SHOP, merchant_id=MERCHANT_ID, number="SN151046", name="测试中,勿动1",
        address="创新产业园c1栋222", work_state="未知",
    ),
    Shop(id=MAIN_STREET, merchant_id=MERCHANT_ID, number="002", name="人民路店", work_state="营业中"),
    Shop(id=CAMPUS, merchant_id=MERCHANT_ID, number="003", name="大学城店", work_state="营业中"),
    Shop(id=HIGH_TECH, merchant_id=MERCHANT_ID, number="004", name="高新店", work_state="营业中"),
)  # fmt: skip

CASHIERS = (
    Cashier(id=KINGDEE_CASHIER, merchant_id=MERCHANT_ID, name="收银员01", shop_id=KINGDEE_SHOP),
    Cashier(id=1333223, merchant_id=MERCHANT_ID, name="收银员02", shop_id=MAIN_STREET),
    Cashier(id=1333224, merchant_id=MERCHANT_ID, name="收银员03", shop_id=MAIN_STREET),
    Cashier(id=1333225, merchant_id=MERCHANT_ID, name="收银员04", shop_id=CAMPUS),
    Cashier(id=1333226, merchant_id=MERCHANT_ID, name="收银员05", shop_id=CAMPUS),
    Cashier(id=1333227, merchant_id=MERCHANT_ID, name="收银员06", shop_id=HIGH_TECH),
    Cashier(id=1333228, merchant_id=MERCHANT_ID, name="网店客服01", shop_id=ZVCMS_SHOP),
)

MEMBERS = (
    Member(
        id=KINGDEE_MEMBER, merchant_id=MERCHANT_ID, name="会员001", mobile="13222113311", card_id="1", card_number="001"
    ),
    Member(
        id=ZVCMS_MEMBER, merchant_id=MERCHANT_ID, name="会员099", mobile="19900000099", card_id="99", card_number="099"
    ),
    *(
        Member(
            id=100002000 + n, merchant_id=MERCHANT_ID, name=f"会员{n:03d}", mobile=f"199000000{n:02d}",
            card_id=str(n), card_number=f"{n:03d}",
        )
        for n in range(2, 62)
    ),
)  # fmt: skip


class Article(NamedTuple):
    """Goods with their price; the engine keeps no prices."""

    id: int
    sku: str
    name: str
    category: str
    price_fen: int

    @property
    def item(self) -> Item:
        return Item(id=self.id, merchant_id=MERCHANT_ID, sku=self.sku, name=self.name, category=self.category)


PICKLES_SKU = "12345678"
ARTICLES = (
    Article(29423, PICKLES_SKU, "笑儿泡菜", "酱菜", 980),
    Article(29501, "12345679", "笑儿酸豆角", "酱菜", 860),
    Article(29502, "12345680", "糖蒜 450g", "酱菜", 1250),
    Article(29503, "12345681", "绿茶 500ml", "饮料", 350),
    Article(29504, "12345682", "酸梅汤 1L", "饮料", 990),
    Article(29505, "12345683", "手磨豆浆", "饮料", 600),
    Article(29506, "12345684", "绿豆糕", "点心", 1580),
    Article(29507, "12345685", "桃酥", "点心", 1280),
    Article(29508, "12345686", "蛋黄酥 6枚", "点心", 2990),
    Article(29509, "12345687", "东北大米 5kg", "粮油", 4590),
    Article(29510, "12345688", "菜籽油 1.8L", "粮油", 3990),
    Article(29511, "12345689", "挂面 1kg", "粮油", 890),
    Article(29512, "12345690", "苹果 1kg", "水果", 1399),
    Article(29513, "12345691", "砀山梨 1kg", "水果", 999),
    Article(29514, "12345692", "抽纸 6包", "日用", 2190),
)

SPEND, RATE, PICKLES, CARD, PASS, DRINKS, TEA, NEWCOMER, PAUSED = range(1002, 1011)
"""The ids of the schemes of the 30 days, in the order of SCHEMES."""

DAY_SECONDS = 86_400


def _scheme(
    id: int, name: str, benefit: MoneyOff | RateOff | GoodsOff | Balance | RateUses, terms: Terms
) -> CreateScheme:
    return CreateScheme(
        merchant_id=MERCHANT_ID, request_id=f"demo/scheme/{id}", actor=ACTOR, id=id, number=f"{id - 1000:03d}",
        name=name, terms=terms, benefit=benefit,
    )  # fmt: skip


SCHEMES = (
    _scheme(
        SPEND, "满50减10代金券", MoneyOff(amount_fen=1000),
        Terms(validity=DaysFromReceipt(days=60), minimum_spend_fen=5000, shareable=True),
    ),
    _scheme(
        RATE, "会员八五折券", RateOff(off_bp=1500, cap_fen=3000),
        Terms(validity=DaysFromNextDay(days=45), holder="member", reverse_within_seconds=7 * DAY_SECONDS),
    ),
    _scheme(
        PICKLES, "笑儿泡菜兑换券", GoodsOff(up_to_quantity=1),
        Terms(validity=DaysFromReceipt(days=60), goods=Goods(mode="listed", values=(PICKLES_SKU,))),
    ),
    _scheme(
        CARD, "100元储值卡", Balance(amount_fen=10000),
        Terms(validity=DaysFromReceipt(days=365), shareable=True),
    ),
    _scheme(
        PASS, "九折次卡（5次）", RateUses(off_bp=1000, uses=5, cap_fen=2000),
        Terms(validity=DaysFromReceipt(days=90), holder="member"),
    ),
    _scheme(
        DRINKS, "饮料15元抵扣券", GoodsOff(up_to_fen=1500),
        Terms(validity=DaysFromReceipt(days=60), goods=Goods(mode="categories", values=("饮料",))),
    ),
    _scheme(
        TEA, "下午茶七折券", RateOff(off_bp=3000, cap_fen=1500),
        Terms(
            validity=DaysFromReceipt(days=60), scene="shop", hold_seconds=600,
            windows=(Window(weekdays=(1, 2, 3, 4, 5), since="14:00", until="17:00"),),
            goods=Goods(mode="categories", values=("点心", "饮料")),
        ),
    ),
    _scheme(
        NEWCOMER, "网店新客立减5元", MoneyOff(amount_fen=500),
        Terms(
            validity=DaysFromReceipt(days=30), minimum_spend_fen=2000, scene="online", holder="member",
            total=100, per_member=1, budget_fen=30000, shops=Shops(mode="listed", ids=(str(ZVCMS_SHOP),)),
        ),
    ),
    _scheme(
        PAUSED, "春节礼券50元（已暂停）", MoneyOff(amount_fen=5000),
        Terms(
            validity=DaysFromReceipt(days=180), minimum_spend_fen=20000,
            shops=Shops(mode="all_but", ids=(str(CAMPUS),)),
        ),
    ),
)  # fmt: skip

WELL_KNOWN = {
    SPEND: ("DEMOMONEY1", "DEMOMONEY2", "DEMOMONEY3"),
    RATE: ("DEMORATE1", "DEMORATE2", "DEMORATE3"),
    PICKLES: ("DEMOGOODS1", "DEMOGOODS2", "DEMOGOODS3"),
    CARD: ("DEMOCARD1", "DEMOCARD2", "DEMOCARD3"),
    PASS: ("DEMOPASS1", "DEMOPASS2", "DEMOPASS3"),
}
"""Fresh coupons to play with, three of each kind; those bound to a member belong to 会员001."""
