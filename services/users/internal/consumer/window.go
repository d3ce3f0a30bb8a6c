package consumer

import "github.com/twmb/franz-go/pkg/kgo"

// window is the part of a partition that is worked on. A key's records run one
// after the other, all others side by side; what is done can be marked up to the
// first that is not.
type window struct {
	// items are in the order of the partition; the first is not done.
	items []*item
	// waiting are the items of a key, of which the first runs.
	waiting map[string][]*item
	// ended takes each item that does not run any more.
	ended   chan ended
	running int
	added   int
}

// ended is what became of an item.
type ended struct {
	*item
	fate fate
}

// item is a record in the window.
type item struct {
	record *kgo.Record
	// n counts the partition's records.
	n    int
	done bool
}

func newWindow() window {
	return window{waiting: map[string][]*item{}, ended: make(chan ended)}
}

func (w *window) room() int { return windowSize - len(w.items) }

// add begins with a record unless another one of its key runs.
func (w *window) add(record *kgo.Record, begin func(*item)) {
	w.added++
	added, key := &item{record: record, n: w.added}, string(record.Key)
	w.items = append(w.items, added)
	w.waiting[key] = append(w.waiting[key], added)
	if len(w.waiting[key]) == 1 {
		w.running++
		begin(added)
	}
}

// end goes on with the key of an item that does not run any more. It returns the
// last record before which all are done, if there is a new one. After an item
// that was stopped, nothing of its key may go on.
func (w *window) end(e ended, begin func(*item)) (last *kgo.Record) {
	w.running--
	if e.fate == stopped {
		return nil
	}
	e.done = true
	key := string(e.record.Key)
	w.waiting[key] = w.waiting[key][1:]
	if len(w.waiting[key]) > 0 {
		w.running++
		begin(w.waiting[key][0])
	} else {
		delete(w.waiting, key)
	}
	for len(w.items) > 0 && w.items[0].done {
		last = w.items[0].record
		w.items = w.items[1:]
	}
	return last
}
