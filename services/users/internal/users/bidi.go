package users

// Format characters that change the direction of what follows them. Whatever is
// written after a name on the same line is turned round with it unless the name
// ends what it began.
const (
	leftToRightEmbedding = '\u202a'
	popDirection         = '\u202c'
	rightToLeftOverride  = '\u202e'
	leftToRightIsolate   = '\u2066'
	firstStrongIsolate   = '\u2068'
	popIsolate           = '\u2069'
)

// turnsWhatFollows holds for a text that begins a direction and does not end it, or
// ends one that it has not begun. Marks such as U+200F have no end and need none.
func turnsWhatFollows(text string) bool {
	var open []rune
	for _, r := range text {
		switch {
		case r == popDirection || r == popIsolate:
			if len(open) == 0 || open[len(open)-1] != r {
				return true
			}
			open = open[:len(open)-1]
		case r >= leftToRightEmbedding && r <= rightToLeftOverride:
			open = append(open, popDirection)
		case r >= leftToRightIsolate && r <= firstStrongIsolate:
			open = append(open, popIsolate)
		}
	}
	return len(open) > 0
}
