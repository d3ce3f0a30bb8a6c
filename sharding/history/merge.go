package history

import "iter"

// Merge merges several sequences of rows, each in ascending order of users. The first
// error ends it.
func Merge(sources ...iter.Seq2[Row, error]) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		heads := make([]head, len(sources))
		for i, source := range sources {
			next, stop := iter.Pull2(source)
			defer stop()
			heads[i] = head{next: next}
			heads[i].advance()
		}
		for {
			least := smallest(heads)
			if least == nil {
				return
			}
			if !yield(least.row, least.err) || least.err != nil {
				return
			}
			least.advance()
		}
	}
}

// head is the current row of a source.
type head struct {
	next func() (Row, error, bool)
	row  Row
	err  error
	ok   bool
}

func (h *head) advance() { h.row, h.err, h.ok = h.next() }

// smallest returns the head to take next, with errors before rows; nil at the end.
func smallest(heads []head) *head {
	var least *head
	for i := range heads {
		h := &heads[i]
		switch {
		case !h.ok:
		case h.err != nil:
			return h
		case least == nil || h.row.User < least.row.User:
			least = h
		}
	}
	return least
}
