const HEX_PAIR = /%[0-9A-Fa-f]{2}/g;

/**
 * Decodes percent-encoding (`pct-encoded = "%" HEXDIG HEXDIG`) to bytes; escapes that are not two hex digits stay as they are (Gunicorn's and urllib's rule).
 *
 * @param text  latin-1, one character for each byte: `"/a%20b%c3%a9"`
 * @returns     latin-1 again: `"/a b\u00c3\u00a9"`
 * @see RFC 3986 §2.1, PEP 3333 "Unicode Issues"
 */
export function percentDecode(text: string): string {
  if (!text.includes("%")) return text;
  return text.replace(HEX_PAIR, (pair) => String.fromCharCode(Number.parseInt(pair.slice(1), 16)));
}
