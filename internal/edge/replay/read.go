package replay

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// longest is the longest line that is read; servers cut requests long before.
const longest = 64 << 10

// shown is how many unreadable lines a report names.
const shown = 5

// Unreadable are the lines that could not be read.
type Unreadable struct {
	Count int64
	// First name the first few, with their numbers.
	First []string
}

func (u *Unreadable) add(number int64, reason string) {
	u.Count++
	if len(u.First) < shown {
		u.First = append(u.First, fmt.Sprintf("line %d: %s", number, reason))
	}
}

// Read calls each for every line of a log, plain or compressed with gzip, and
// holds one line at a time.
func Read(log io.Reader, each func(Line)) (lines int64, unreadable Unreadable, err error) {
	input := bufio.NewReaderSize(log, longest)
	if magic, _ := input.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		plain, err := gzip.NewReader(input)
		if err != nil {
			return 0, unreadable, err
		}
		input = bufio.NewReaderSize(plain, longest)
	}
	parser := &Parser{}
	for {
		text, err := nextLine(input)
		if errors.Is(err, io.EOF) && len(text) == 0 {
			return lines, unreadable, nil
		}
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, errLong) {
			return lines, unreadable, fmt.Errorf("after line %d: %w", lines, err)
		}
		lines++
		if errors.Is(err, errLong) {
			unreadable.add(lines, err.Error())
			continue
		}
		// The line is copied once, here: what is kept of it points into it.
		line, problem := parser.Parse(string(text))
		if problem != nil {
			unreadable.add(lines, problem.Error())
			continue
		}
		each(line)
	}
}

var errLong = fmt.Errorf("longer than %d bytes", longest)

// nextLine returns a line without its end. The rest of a line that is too long
// is read and dropped.
func nextLine(input *bufio.Reader) ([]byte, error) {
	text, err := input.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return bytes.TrimRight(text, "\r\n"), err
	}
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = input.ReadSlice('\n')
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return []byte(" "), errLong
}
