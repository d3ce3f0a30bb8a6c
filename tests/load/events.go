package load

import (
	"iter"

	"github.com/scalestack/scalestack/sharding/history"
)

// What can be wrong with the work that follows events.
const (
	// MissingMail is a registered user who got no mail, ManyMails one who got
	// several. The same mail sent again, with its Message-ID, is not another one.
	MissingMail history.Kind = "missing mail"
	ManyMails   history.Kind = "several mails"
	// WrongCount is a registration that was not counted exactly once.
	WrongCount history.Kind = "wrong count"
	// LostEvent is a change without its event in Kafka.
	LostEvent history.Kind = "lost event"
	// WrongOrder is an event whose first copy came before that of an earlier one.
	WrongOrder history.Kind = "wrong order"
	// WrongCopy is another event under the number of one that was there before.
	WrongCopy history.Kind = "wrong copy"
)

// Mail is a mail as the mail server took it.
type Mail struct {
	// ID is its Message-ID.
	ID string
	// To are the addresses.
	To []string
}

// Mails compares the mails with the registrations: one for every user.
// Repeated is how many came again with the same Message-ID.
func (e *Events) Mails(mails iter.Seq[Mail]) (repeated int) {
	ids := make(map[string]map[string]int, len(e.registered))
	for _, user := range e.registered {
		ids[user.Email] = map[string]int{}
	}
	for mail := range mails {
		for _, address := range mail.To {
			if seen := ids[address]; seen != nil {
				seen[mail.ID]++
			}
		}
	}
	for _, user := range e.registered {
		seen := ids[user.Email]
		switch {
		case len(seen) == 0:
			e.found.Addf(MissingMail, "user %d: no mail to %s", user.User, user.Email)
		case len(seen) > 1:
			e.found.Addf(ManyMails, "user %d: %d mails to %s", user.User, len(seen), user.Email)
		}
		for _, times := range seen {
			repeated += times - 1
		}
	}
	return repeated
}

// Counts compares how often each user's registration was counted, over all
// shards, with the registrations.
func (e *Events) Counts(counted map[int64]int64) {
	for _, user := range e.registered {
		if n := counted[user.User]; n != 1 {
			e.found.Addf(WrongCount, "user %d: the registration was counted %d times", user.User, n)
		}
	}
}

// Event is an event in the form in which it is stored in Kafka.
type Event struct {
	ID   string
	User int64
	// Sequence is its number among the user's events, from 1.
	Sequence int64
}

// Events are the registrations of a run and what followed them.
type Events struct {
	registered []Registered
	found      history.Findings
}

// NewEvents returns what is to follow registrations.
func NewEvents(registered []Registered) *Events { return &Events{registered: registered} }

// Err is nil as long as nothing was found that must not be.
func (e *Events) Err() error { return e.found.Err() }

// Findings returns the first findings of each kind.
func (e *Events) Findings() []history.Finding { return e.found.List() }

// Log compares Kafka's events, in the order of each partition, with how many
// events the shards have given each user. Copies may come again later, but the
// first ones in order and without a gap. It returns the number of copies.
func (e *Events) Log(given map[int64]int64, log iter.Seq[Event]) (copies int) {
	type place struct{ user, sequence int64 }
	first := map[place]string{}
	last := make(map[int64]int64, len(given))
	for event := range log {
		if _, ours := given[event.User]; !ours {
			continue
		}
		at := place{event.User, event.Sequence}
		if id, known := first[at]; known {
			copies++
			if id != event.ID {
				e.found.Addf(WrongCopy, "user %d: number %d is event %s and event %s", event.User, event.Sequence, id, event.ID)
			}
			continue
		}
		first[at] = event.ID
		if event.Sequence != last[event.User]+1 {
			e.found.Addf(WrongOrder, "user %d: number %d came after number %d", event.User, event.Sequence, last[event.User])
		}
		last[event.User] = max(last[event.User], event.Sequence)
	}
	for user, count := range given {
		for sequence := int64(1); sequence <= count; sequence++ {
			if _, there := first[place{user, sequence}]; !there {
				e.found.Addf(LostEvent, "user %d: number %d of %d is not in Kafka", user, sequence, count)
			}
		}
	}
	return copies
}
