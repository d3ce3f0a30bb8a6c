package api

import (
	"encoding/json"
	"strings"
)

// Config are settings by their Kafka names. Users write numbers, booleans and texts, Kafka takes texts.
type Config map[string]Value

// Value is one setting as Kafka reads it.
type Value string

// UnmarshalJSON keeps a number as it was written: 604800000 must not become 6.048e+08.
func (v *Value) UnmarshalJSON(body []byte) error {
	if strings.HasPrefix(string(body), `"`) {
		return json.Unmarshal(body, (*string)(v))
	}
	*v = Value(body)
	return nil
}
