"""Brazilian identifiers and their check digits: CNPJ, CPF, access keys, boletos, slips, Pix.

Pure arithmetic on text. Everything is kept as text: leading zeros count, and since
July 2026 a CNPJ, and so an access key, may hold letters (RFB IN 2.229/2024). Cleaning
removes separators only; "digits only" would destroy those letters silently.

`valid_*` say yes or no; `read_*` take a number apart or raise `InvalidNumber` with a reason.
"""

from erp_bridge.identifiers.access_keys import (
    AccessKey,
    NfseKey,
    access_key_parts,
    format_access_key,
    looks_like_access_key,
    normalise_access_key,
    read_access_key,
    read_nfse_key,
    split_access_key,
    valid_access_key,
)
from erp_bridge.identifiers.boletos import (
    Boleto,
    boleto_amount,
    boleto_barcode,
    boleto_due_on,
    boleto_line,
    due_factor,
    factor_due_on,
    format_boleto_line,
    make_boleto_line,
    read_boleto,
    valid_barcode,
    valid_boleto_line,
)
from erp_bridge.identifiers.digits import (
    InvalidNumber,
    check_digit_barcode,
    check_digit_mod10,
    check_digit_mod11,
    clean,
    clean_strictly,
)
from erp_bridge.identifiers.pix import Pix, crc16, read_pix, valid_pix
from erp_bridge.identifiers.slips import (
    Slip,
    format_slip_line,
    read_slip,
    slip_line,
    valid_slip_line,
)
from erp_bridge.identifiers.tax_ids import (
    cnpj_with_digits,
    format_cnpj,
    format_cpf,
    normalise_tax_id,
    read_cnpj,
    read_cpf,
    valid_cnpj,
    valid_cpf,
)

__all__ = [
    "AccessKey",
    "Boleto",
    "InvalidNumber",
    "NfseKey",
    "Pix",
    "Slip",
    "access_key_parts",
    "boleto_amount",
    "boleto_barcode",
    "boleto_due_on",
    "boleto_line",
    "check_digit_barcode",
    "check_digit_mod10",
    "check_digit_mod11",
    "clean",
    "clean_strictly",
    "cnpj_with_digits",
    "crc16",
    "due_factor",
    "factor_due_on",
    "format_access_key",
    "format_boleto_line",
    "format_cnpj",
    "format_cpf",
    "format_slip_line",
    "looks_like_access_key",
    "make_boleto_line",
    "normalise_access_key",
    "normalise_tax_id",
    "read_access_key",
    "read_boleto",
    "read_cnpj",
    "read_cpf",
    "read_nfse_key",
    "read_pix",
    "read_slip",
    "slip_line",
    "split_access_key",
    "valid_access_key",
    "valid_barcode",
    "valid_boleto_line",
    "valid_cnpj",
    "valid_cpf",
    "valid_pix",
    "valid_slip_line",
]
