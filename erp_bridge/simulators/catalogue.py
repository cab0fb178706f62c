"""Products, places and names of the simulated world: all invented."""

from __future__ import annotations

from dataclasses import dataclass

from erp_bridge.simulators.model import Place

HOSTILE_NAME = "<script>alert(1)</script>"
VARIANTS = 21


@dataclass(frozen=True, slots=True)
class Product:
    """Something sold; `reference` is the part number that site and ERP share."""

    sku: str
    product_id: str
    reference: str
    ean: str
    name: str
    brand: str
    price: int
    has_serial: bool = False


# Name, reference prefix, price in cents of the first variant, whether pieces carry serials.
_FAMILIES: tuple[tuple[str, str, int, bool], ...] = (
    ("Parafuso sextavado zincado caixa 100", "PSZ", 3890, False),
    ("Porca autotravante caixa 200", "PAT", 2750, False),
    ("Arruela lisa pacote 500", "ARL", 1890, False),
    ("Broca de aço rápido", "BAR", 1240, False),
    ("Disco de corte fino", "DCF", 790, False),
    ("Lixa d'água folha", "LXA", 215, False),
    ("Luva nitrílica par", "LNT", 1180, False),
    ("Óculos de proteção incolor", "OPI", 1450, False),
    ("Protetor auricular tipo concha", "PAC", 4290, False),
    ("Capacete com jugular", "CAP", 3590, False),
    ("Bota de segurança bico composto", "BSC", 15990, False),
    ("Cinto paraquedista 5 pontos", "CPQ", 28900, False),
    ("Fita isolante 20 m", "FIS", 890, False),
    ("Cabo flexível 2,5 mm² rolo 100 m", "CFX", 21900, False),
    ("Disjuntor bipolar DIN", "DBD", 5490, False),
    ("Tomada industrial 3P+T", "TIN", 6790, False),
    ("Luminária LED de sobrepor", "LUM", 8990, False),
    ("Refletor LED 100 W", "REF", 12900, False),
    ("Sensor indutivo M12", "SIN", 9990, False),
    ("Relé de interface 24 V", "RIN", 4590, False),
    ("Contator tripolar 25 A", "CTT", 18900, False),
    ("Fonte chaveada 24 V", "FCH", 13900, False),
    ("Inversor de frequência 2 cv", "INV", 129000, True),
    ("Nobreak senoidal 1500 VA", "NBK", 189000, True),
    ("Leitor de código de barras sem fio", "LCB", 48900, True),
    ("Impressora térmica de etiquetas", "ITE", 139000, True),
    ("Roteador industrial 4 portas", "RIP", 79900, True),
    ("Coletor de dados Android", "CDA", 249000, True),
    ("Furadeira de impacto 750 W", "FIM", 32900, True),
    ("Parafusadeira a bateria 18 V", "PBT", 58900, True),
    ("Esmerilhadeira angular 900 W", "ESM", 38900, True),
    ("Serra circular 1400 W", "SCI", 54900, True),
    ("Compressor de ar 50 L", "CMP", 149000, True),
    ("Mangueira pneumática PU metro", "MPU", 490, False),
    ("Engate rápido pneumático", "ERP", 1390, False),
    ("Cilindro pneumático 32x100", "CIL", 16900, False),
    ("Válvula solenoide 5/2 vias", "VSO", 14900, False),
    ("Rolamento rígido de esferas", "RRE", 2890, False),
    ("Correia em V perfil A", "CVA", 2190, False),
    ("Corrente de rolos passo 1/2", "CRR", 7890, False),
    ("Graxa de lítio balde 20 kg", "GRX", 32900, False),
    ("Óleo hidráulico 68 balde 20 L", "OLH", 28900, False),
    ("Desengraxante industrial 5 L", "DSG", 6490, False),
    ("Papel toalha interfolha fardo", "PTI", 3290, False),
    ("Detergente neutro 5 L", "DTN", 1990, False),
    ("Saco de lixo 100 L pacote", "SLX", 2890, False),
    ("Filme stretch 500 mm", "FST", 3990, False),
    ("Fita adesiva transparente caixa", "FAT", 8990, False),
    ("Caixa de papelão pacote 25", "CPP", 6290, False),
    ("Etiqueta térmica rolo", "ETR", 1490, False),
    ("Estante de aço 6 prateleiras", "EST", 24900, False),
    ("Carro plataforma 300 kg", "CPL", 59900, False),
    ("Paleteira manual 2000 kg", "PLT", 129000, True),
    ("Cadeado de latão 40 mm", "CLT", 3290, False),
    ("Dobradiça reforçada par", "DBR", 1690, False),
    ("Tinta esmalte sintético 3,6 L", "TES", 9890, False),
    ("Rolo de pintura 23 cm", "RPT", 1890, False),
    ("Silicone acético 280 g", "SIL", 1790, False),
    ("Espuma expansiva 500 ml", "ESP", 2690, False),
    ("Trena de fibra 50 m", "TRF", 5990, False),
)
_BRANDS = ("Arapari", "Borixa", "Cantavel", "Durimã", "Ferovale", "Gruvita", "Luzarte", "Mecaju")


def _build() -> tuple[Product, ...]:
    made = [Product("9000", "9000", "HOST-00", "7890000090003", HOSTILE_NAME, "Arapari", 1990)]
    for family, (name, prefix, price, has_serial) in enumerate(_FAMILIES):
        for variant in range(VARIANTS):
            number = 10_000 + family * 100 + variant
            made.append(
                Product(
                    sku=str(number),
                    product_id=str(1000 + family),
                    reference=f"{prefix}-{variant + 1:02d}",
                    ean=f"789{number:09d}0",
                    name=f"{name}, modelo {variant + 1:02d}",
                    brand=_BRANDS[family % len(_BRANDS)],
                    price=price + price * variant // 40,
                    has_serial=has_serial,
                )
            )
    return tuple(made)


PRODUCTS = _build()
HOSTILE = 0

# City, state, first digits of the postal code, IBGE code.
CITIES: tuple[tuple[str, str, str, str], ...] = (
    ("São Paulo", "SP", "01310", "3550308"),
    ("Campinas", "SP", "13010", "3509502"),
    ("Belo Horizonte", "MG", "30110", "3106200"),
    ("Curitiba", "PR", "80010", "4106902"),
    ("Joinville", "SC", "89201", "4209102"),
    ("Porto Alegre", "RS", "90010", "4314902"),
    ("Rio de Janeiro", "RJ", "20040", "3304557"),
    ("Goiânia", "GO", "74003", "5208707"),
    ("Salvador", "BA", "40020", "2927408"),
    ("Recife", "PE", "50030", "2611606"),
    ("Fortaleza", "CE", "60025", "2304400"),
    ("Manaus", "AM", "69005", "1302603"),
)
_STREETS = (
    "Rua dos Ipês",
    "Avenida das Acácias",
    "Rua do Comércio Novo",
    "Avenida Beira Várzea",
    "Rua Pedra Clara",
    "Travessa dos Jacarandás",
    "Rodovia do Contorno",
    "Rua Sete Quedas",
)
_DISTRICTS = ("Centro", "Vila Nova", "Distrito Industrial", "Jardim das Flores", "Bela Vista")


def place(number: int) -> Place:
    """Make up an address; the same number gives the same one."""
    city, state, postal, code = CITIES[number % len(CITIES)]
    return Place(
        street=_STREETS[number * 5 % len(_STREETS)],
        number=str(100 + number * 37 % 1900),
        district=_DISTRICTS[number * 3 % len(_DISTRICTS)],
        city=city,
        state=state,
        postal_code=f"{postal}{number * 7 % 1000:03d}",
        city_code=code,
    )


COINED = (
    "Abrunhel", "Brivelo", "Cajutira", "Dorivante", "Embarel", "Farolim", "Gavionel", "Hortavia",
    "Ibirama Sul", "Jutaíba", "Karandel", "Lumiverde", "Mirantela", "Naveluz", "Orvalim",
    "Piraquel", "Quibarro", "Rincalva", "Sabiandu", "Tarumexa", "Umbuzal", "Verdolim", "Xiquexal",
    "Zenfolha", "Açucenia", "Bambural", "Cedrolina", "Dunamira", "Espinhal", "Fulgurim", "Grotalva",
    "Heliotar", "Ipelândia", "Jabutira", "Lavrinel", "Manacael", "Nimboré", "Ourapuã", "Pampulim",
    "Quaresmel", "Ramadela", "Serralim", "Timboré", "Urucânia", "Vagalumel", "Xaxinel", "Zabelê",
    "Aroeiral", "Buritinga", "Capimel", "Guarapé", "Indaial Norte", "Jerivaz", "Maracuel",
    "Nascentel", "Paineiral", "Seriguel", "Taquarel", "Vinhatel", "Araçanel",
)  # fmt: skip
TRADES = ("Distribuidora", "Comércio", "Atacado", "Suprimentos", "Indústria", "Materiais")
FIRST_NAMES = (
    "Adriana", "Bento", "Célia", "Dário", "Elisa", "Fábio", "Gilda", "Heitor", "Iara", "Jonas",
    "Kátia", "Lauro", "Marina", "Nilo", "Olívia", "Paulo", "Quitéria", "Renato", "Sílvia", "Tomás",
)  # fmt: skip
LAST_NAMES = (
    "Andrade", "Barros", "Cardoso", "Duarte", "Esteves", "Farias", "Gouveia", "Lacerda", "Moura",
    "Nogueira", "Pacheco", "Queiroz", "Ramalho", "Sampaio", "Teles", "Vasques",
)  # fmt: skip
