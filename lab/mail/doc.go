// Package mail is the lab's emulator of a mail provider: a real SMTP server that keeps what tests ask for and
// delivers nothing.
//
// A mail is known by its Message-ID, which a mail must have: one that arrives again is a duplicate. Envelope and
// headers are kept, the body is not. Every mail is in the file before the server says that it took it, so a killed
// sink has lost no mail that it acknowledged.
//
//	GET    /messages/count       {"messages": 3, "unique": 2}
//	GET    /messages?to=ADDRESS  the mails to one address, the oldest first
//	GET    /duplicates           {"messages": 1, "ids": {"<event-7@example.com>": 2}}
//	DELETE /messages             forget all
//	POST   /delay?ms=200         reply to each mail that much later, as a provider far away does
package mail
