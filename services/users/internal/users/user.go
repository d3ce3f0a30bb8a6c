// Package users stores users: each on the shard that the router finds, read through the
// cache.
package users

import (
	"net/mail"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// User is a stored user.
type User struct {
	ID    int64  `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email"`
	// Version counts the changes, from 1. A user that was deleted and comes back
	// goes on counting.
	Version   int64     `json:"version"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	// Created says that the write which returned this user made it.
	Created bool `json:"-"`
}

// Profile is what a client may set.
type Profile struct {
	// Name has 1 to MaxName characters, at least one of them visible, no control
	// character, and no space at its ends.
	Name string
	// Email is an address such as ada@example.com, of at most MaxEmail bytes.
	Email string
}

const (
	// MaxName is the longest name in characters.
	MaxName = 200
	// MaxEmail is the longest address that SMTP carries, in bytes (RFC 5321, 4.5.3.1).
	MaxEmail = 254
)

// Mistake is one wrong field of a Profile.
type Mistake struct {
	// Field is the field's name in JSON.
	Field string
	// Problem says what is allowed.
	Problem string
}

// Validate returns every mistake.
func (p Profile) Validate() []Mistake {
	var mistakes []Mistake
	if problem := nameProblem(p.Name); problem != "" {
		mistakes = append(mistakes, Mistake{Field: "name", Problem: problem})
	}
	if problem := emailProblem(p.Email); problem != "" {
		mistakes = append(mistakes, Mistake{Field: "email", Problem: problem})
	}
	return mistakes
}

func nameProblem(name string) string {
	switch length := utf8.RuneCountInString(name); {
	case name == "":
		return "is required"
	case length > MaxName:
		return "is longer than 200 characters"
	case strings.TrimSpace(name) != name:
		return "begins or ends with a space"
	case strings.ContainsFunc(name, isControl):
		return "contains a control character"
	case turnsWhatFollows(name):
		return "changes the direction of the text after it"
	case !strings.ContainsFunc(name, isVisible):
		return "has no visible character"
	}
	return ""
}

// isControl holds for controls, for the separators that end a line, and for what
// Unicode says will never be a character.
func isControl(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Noncharacter_Code_Point)
}

// brailleBlank is a symbol by its category and shows nothing.
const brailleBlank = '\u2800'

// isVisible holds for letters, numbers, punctuation and symbols: not for spaces,
// format characters such as direction marks, or marks without a letter. Some
// letters, Hangul fillers for example, show nothing; Unicode lists them.
func isVisible(r rune) bool {
	return unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S) &&
		!unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) && r != brailleBlank
}

func emailProblem(email string) string {
	if email == "" {
		return "is required"
	}
	if len(email) > MaxEmail {
		return "is longer than 254 bytes"
	}
	// ParseAddress also takes "Ada <ada@example.com>", which is more than an address.
	if parsed, err := mail.ParseAddress(email); err != nil || parsed.Address != email || strings.ContainsFunc(email, unicode.IsControl) {
		return "is not an e-mail address such as ada@example.com"
	}
	return ""
}
