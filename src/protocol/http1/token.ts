/** Source of a regular expression for one token (RFC 9110 §5.6.2): `token = 1*tchar`. */
export const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
