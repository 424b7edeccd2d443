"""The table of tokens with exactly one fault: data, which token_validation.py judges.

Which servers a row is for follows from what it could do. MCP itself demands that a token is the issuer's, for this
server and of this time (OAuth 2.1 section 5.2): tokens that are not are refused by everybody, and so is what only looks
like a signature. How a JWT is typed, what else is in it and how it is written down is the business of RFC 9068 and of
the RFCs below it. MCP does not ask for them, and nobody but the issuer could make such a token, so that these rows are
for servers that promise the profile.

Not in the table, because a careful server may well accept it: an audience that differs in a final slash or in the case
of the host, `iat` in the future, an unknown `zip` or `cty`, a byte order mark, signs beyond the last whole byte of a
signature, `cnf` at a server that knows nothing of it (RFC 9449 section 7.2).
"""

from __future__ import annotations

from harness import Fault
from scenarios.mcp_server.faulty_tokens.audiences import AUDIENCES
from scenarios.mcp_server.faulty_tokens.contents import CONTENTS
from scenarios.mcp_server.faulty_tokens.forgeries import FORGERIES
from scenarios.mcp_server.faulty_tokens.issuers_and_times import ISSUERS, TIMES
from scenarios.mcp_server.faulty_tokens.kinds import KINDS
from scenarios.mcp_server.faulty_tokens.spellings import SPELLINGS

SIGNED: tuple[Fault, ...] = (*AUDIENCES, *ISSUERS, *TIMES, *KINDS, *CONTENTS, *SPELLINGS)
"""What only the issuer can have signed."""

FORGED: tuple[Fault, ...] = FORGERIES
"""What anybody can make, mostly from a good token."""
