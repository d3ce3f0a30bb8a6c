// Package events defines what the service tells others about its users: the types,
// their versioned schemas, and the form of an event in a Kafka record.
//
// An event is a CloudEvent in binary mode: attributes in headers, JSON in the value,
// and the user's id as the key, so that all events of one user on a topic keep their
// order. With so few attributes and so simple a mode, no SDK is needed; it would bring
// a Kafka client of its own.
package events

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// Topics, one per concern.
const (
	UserTopic    = "user_events"
	ProductTopic = "product_events"
)

// Types of events.
const (
	UserCreated    = "UserCreated"
	UserUpdated    = "UserUpdated"
	UserDeleted    = "UserDeleted"
	ProductCreated = "ProductCreated"
	ProductUpdated = "ProductUpdated"
	ProductDeleted = "ProductDeleted"
)

// Schemas of an event's data. A change that old readers or old events would not
// survive is a new version, published beside the old one until nobody reads that.
const (
	UserSchema           = "user/v1"
	UserDeletedSchema    = "user-deleted/v1"
	ProductSchema        = "product/v1"
	ProductDeletedSchema = "product-deleted/v1"
)

// schemasOf are the schemas that each type may have.
var schemasOf = map[string][]string{
	UserCreated:    {UserSchema},
	UserUpdated:    {UserSchema},
	UserDeleted:    {UserDeletedSchema},
	ProductCreated: {ProductSchema},
	ProductUpdated: {ProductSchema},
	ProductDeleted: {ProductDeletedSchema},
}

// Event is something that has happened to a user.
type Event struct {
	// ID is the same in every copy of the event.
	ID   uuid.UUID
	Type string
	// Source is the cluster of shards that the user lives in.
	Source string
	UserID int64
	// Sequence orders the events of the user, over all topics.
	Sequence int64
	Time     time.Time
	Schema   string
	Data     json.RawMessage
}

// Erased stands for the name, and ErasedEmail for the address, in an event of a
// user that was deleted before the event was published. The domain cannot exist.
const (
	Erased      = "deleted"
	ErasedEmail = "deleted@users.invalid"
)

// User is the data of UserCreated and UserUpdated, and of UserDeleted without
// name and address.
type User struct {
	UserID  int64  `json:"user_id"`
	Version int64  `json:"version"`
	Name    string `json:"name"`
	Email   string `json:"email"`
}

// Product is the data of ProductCreated and ProductUpdated, and of
// ProductDeleted without name and price.
type Product struct {
	UserID     int64  `json:"user_id"`
	SKU        string `json:"sku"`
	Version    int64  `json:"version"`
	Name       string `json:"name"`
	PriceCents int64  `json:"price_cents"`
}

// User returns the data of an event of UserTopic.
func (e *Event) User() (User, error) { return dataOf[User](e) }

// Product returns the data of an event of ProductTopic.
func (e *Event) Product() (Product, error) { return dataOf[Product](e) }

func dataOf[T any](e *Event) (data T, err error) {
	if err := json.Unmarshal(e.Data, &data); err != nil {
		// A schema takes 1.0 for an integer, and numbers of any size.
		return data, wrong(Malformed, "the data is not %s: %v", e.Schema, err)
	}
	return data, nil
}
