"""The names people carry in the demo shop, in Armenian, Persian and Latin script, each with its spelling in Latin letters."""

# (in its own script, in Latin letters: an e-mail address is made of the latter)
ARMENIAN_FIRST = (
    ("Արամ", "aram"), ("Անահիտ", "anahit"), ("Գոռ", "gor"), ("Լիլիթ", "lilit"), ("Տիգրան", "tigran"),
    ("Նարե", "nare"), ("Հայկ", "hayk"), ("Մարիամ", "mariam"), ("Դավիթ", "davit"), ("Աննա", "anna"),
    ("Վահե", "vahe"), ("Շուշան", "shushan"), ("Արմեն", "armen"), ("Գայանե", "gayane"), ("Սուրեն", "suren"),
    ("Նունե", "nune"), ("Կարեն", "karen"), ("Սոնա", "sona"), ("Արտակ", "artak"), ("Հասմիկ", "hasmik"),
    ("Ռուբեն", "ruben"), ("Էլեն", "elen"), ("Նարեկ", "narek"), ("Ծովինար", "tsovinar"),
)  # fmt: skip
ARMENIAN_LAST = (
    ("Գրիգորյան", "grigoryan"), ("Հարությունյան", "harutyunyan"), ("Սարգսյան", "sargsyan"), ("Պետրոսյան", "petrosyan"),
    ("Հակոբյան", "hakobyan"), ("Կարապետյան", "karapetyan"), ("Մկրտչյան", "mkrtchyan"), ("Ավետիսյան", "avetisyan"),
    ("Վարդանյան", "vardanyan"), ("Ղազարյան", "ghazaryan"), ("Մանուկյան", "manukyan"), ("Ստեփանյան", "stepanyan"),
    ("Խաչատրյան", "khachatryan"), ("Դանիելյան", "danielyan"), ("Աբրահամյան", "abrahamyan"), ("Տեր-Պողոսյան", "terpoghosyan"),
    ("Ասատրյան", "asatryan"), ("Բաղդասարյան", "baghdasaryan"), ("Մելիքյան", "melikyan"), ("Զաքարյան", "zakaryan"),
)  # fmt: skip
PERSIAN_FIRST = (
    ("علی", "ali"), ("زهرا", "zahra"), ("رضا", "reza"), ("مریم", "maryam"), ("آرش", "arash"), ("شیرین", "shirin"),
    ("بهرام", "bahram"), ("نسرین", "nasrin"), ("کیان", "kian"), ("پریسا", "parisa"), ("فرهاد", "farhad"),
    ("لیلا", "leila"), ("داریوش", "dariush"), ("ژاله", "zhaleh"), ("امیرحسین", "amirhossein"), ("گلناز", "golnaz"),
)  # fmt: skip
PERSIAN_LAST = (
    ("احمدی", "ahmadi"), ("حسینی", "hosseini"), ("کریمی", "karimi"), ("رضایی", "rezaei"), ("موسوی", "mousavi"),
    ("پارسا", "parsa"), ("شیرازی", "shirazi"), ("تهرانی", "tehrani"), ("قاسمی‌نژاد", "ghaseminejad"), ("یوسفی", "yousefi"),
    ("آقاجانی", "aghajani"), ("نیک‌پور", "nikpour"), ("رستمی", "rostami"), ("کاظمی", "kazemi"),
)  # fmt: skip
LATIN_FIRST = (
    ("Marie", "marie"), ("Jürgen", "jurgen"), ("Giorgi", "giorgi"), ("Élodie", "elodie"), ("Anna", "anna"),
    ("Thomas", "thomas"), ("Nino", "nino"), ("Zoë", "zoe"), ("Pierre", "pierre"), ("Katarína", "katarina"),
    ("Alex", "alex"), ("François", "francois"), ("Tamar", "tamar"), ("Björn", "bjorn"), ("Olga", "olga"),
    ("Seán", "sean"), ("Elena", "elena"), ("Łukasz", "lukasz"),
)  # fmt: skip
LATIN_LAST = (
    ("Martin", "martin"), ("Müller", "muller"), ("Beridze", "beridze"), ("O'Connor", "oconnor"), ("Petrov", "petrov"),
    ("Dupont", "dupont"), ("Kapanadze", "kapanadze"), ("Schmidt", "schmidt"), ("Lefèvre", "lefevre"),
    ("Ivanova", "ivanova"), ("Smith", "smith"), ("Novák", "novak"), ("García López", "garcialopez"), ("Weiß", "weiss"),
)  # fmt: skip

# By origin: Armenian names in their own script, Armenian names written in Latin letters, Persian names, all others.
ORIGINS = ("armenian", "armenian_latin", "persian", "latin")
FIRST = (
    ARMENIAN_FIRST,
    tuple((latin.capitalize(), latin) for _, latin in ARMENIAN_FIRST),
    PERSIAN_FIRST,
    LATIN_FIRST,
)
LAST = (
    ARMENIAN_LAST,
    tuple((latin.capitalize(), latin) for _, latin in ARMENIAN_LAST),
    PERSIAN_LAST,
    LATIN_LAST,
)
