package history

// Write is a write that has begun. A client that repeats it must report every attempt.
type Write struct {
	history *History
	user    int64
	name    string
	// floor is the version that was known when the write began.
	floor int64
}

// Write begins a write of a payload that no other write has.
func (h *History) Write(user int64, name string) *Write {
	w := &Write{history: h, user: user, name: name}
	h.with(user, func(r *record) { r.writing, w.floor = true, r.seen })
	return w
}

// Unknown records that an attempt may or may not have been carried out.
func (w *Write) Unknown() {
	w.history.journal.add("unknown", w.user, 0, w.name)
	w.history.with(w.user, func(r *record) {
		r.unknown++
		if n := len(r.doubtful); n == 0 || r.doubtful[n-1] != w.name {
			r.doubtful = append(r.doubtful, w.name)
		}
	})
}

// GivenUp ends the write without an acknowledgement.
func (w *Write) GivenUp() {
	w.history.journal.add("given up", w.user, 0, w.name)
	w.history.with(w.user, func(r *record) { r.writing = false })
}

// Acknowledged ends the write with the acknowledged version.
func (w *Write) Acknowledged(version int64) {
	w.history.journal.add("acknowledged", w.user, version, w.name)
	w.history.with(w.user, func(r *record) {
		r.writing = false
		r.acknowledged++
		found := &w.history.found
		switch {
		case version <= w.floor:
			found.Addf(LostWrite, "user %d: a write got version %d after version %d was known", w.user, version, w.floor)
		case version < r.acknowledged:
			found.Addf(LostWrite, "user %d: version %d after %d acknowledged writes", w.user, version, r.acknowledged)
		case version > r.most():
			found.Addf(Invented, "user %d: version %d after %d acknowledged and %d unknown writes", w.user, version, r.acknowledged, r.unknown)
		}
		r.last, r.name, r.seen = version, w.name, max(r.seen, version)
	})
}

// Read is a read that has begun.
type Read struct {
	history *History
	user    int64
	floor   int64
}

// Read begins a read.
func (h *History) Read(user int64) *Read {
	read := &Read{history: h, user: user}
	h.with(user, func(r *record) { read.floor = r.seen })
	return read
}

// Returned ends the read with its answer; version 0 means that there is no such user.
func (read *Read) Returned(version int64, name string) {
	read.history.journal.add("read", read.user, version, name)
	read.history.with(read.user, func(r *record) {
		found := &read.history.found
		switch {
		case version < read.floor:
			found.Addf(TimeTravel, "user %d: read version %d after version %d was known", read.user, version, read.floor)
		case version > r.most():
			found.Addf(Invented, "user %d: read version %d after %d acknowledged and %d unknown writes", read.user, version, r.acknowledged, r.unknown)
		case version > 0 && version == r.last && name != r.name:
			found.Addf(WrongPayload, "user %d: version %d reads %q, written was %q", read.user, version, name, r.name)
		}
		r.seen = max(r.seen, version)
	})
}
