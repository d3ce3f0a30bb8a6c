package mail

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"time"
)

// Message is what the sink keeps of a mail.
type Message struct {
	ID      string    `json:"id"`
	From    string    `json:"from"`
	To      []string  `json:"to"`
	Subject string    `json:"subject"`
	At      time.Time `json:"at"`
}

// Store keeps messages in memory and in a file of one JSON object a line.
type Store struct {
	mu       sync.Mutex
	file     *os.File
	messages []Message
	times    map[string]int
}

// Open reads what an earlier sink wrote to the file, and goes on with it.
func Open(path string) (*Store, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	s := &Store{file: file, times: map[string]int{}}
	if err := s.load(); err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// load stops at a line that a kill cut off: its mail was not acknowledged. The next mail overwrites it.
func (s *Store) load() error {
	whole := int64(0)
	reader := bufio.NewReader(s.file)
	for {
		line, err := reader.ReadBytes('\n')
		if err != nil {
			break
		}
		var m Message
		if err := json.Unmarshal(line, &m); err != nil {
			return fmt.Errorf("at byte %d: %w", whole, err)
		}
		whole += int64(len(line))
		s.keep(m)
	}
	if err := s.file.Truncate(whole); err != nil {
		return err
	}
	_, err := s.file.Seek(whole, 0)
	return err
}

func (s *Store) keep(m Message) {
	s.messages = append(s.messages, m)
	s.times[m.ID]++
}

// Add keeps a message. Without an error it is in the file.
func (s *Store) Add(m Message) error {
	line, err := json.Marshal(m)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.file.Write(append(line, '\n')); err != nil {
		return err
	}
	s.keep(m)
	return nil
}

// Count is the number of messages, and of different ones among them.
func (s *Store) Count() (messages, unique int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.messages), len(s.times)
}

// To lists the messages to one address.
func (s *Store) To(address string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := []Message{}
	for _, m := range s.messages {
		if slices.Contains(m.To, address) {
			found = append(found, m)
		}
	}
	return found
}

// Duplicates maps the ids that came more than once to how often they came.
func (s *Store) Duplicates() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := maps.Clone(s.times)
	maps.DeleteFunc(found, func(_ string, times int) bool { return times < 2 })
	return found
}

// Clear forgets all messages.
func (s *Store) Clear() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.file.Truncate(0); err != nil {
		return err
	}
	if _, err := s.file.Seek(0, 0); err != nil {
		return err
	}
	s.messages, s.times = nil, map[string]int{}
	return nil
}

// Close closes the file.
func (s *Store) Close() error { return s.file.Close() }
