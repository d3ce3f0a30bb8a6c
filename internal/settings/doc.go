// Package settings makes the field of an Args struct the one home of a setting.
// The field carries the setting's name, default and range as tags, and its
// meaning as a doc comment:
//
//	// MaxConnections that a shard accepts.
//	MaxConnections int `json:"maxConnections" default:"140" min:"20" max:"10000"`
//
// Everything else follows from the fields:
//
//   - [Decode] reads a configuration into a struct and reports every wrong type,
//     unknown key and value out of range;
//   - [WithDefaults] fills in what was left out;
//   - [Validate] checks a struct that a Go program filled in;
//   - [Schema] and [Table] describe the settings to editors and to people;
//   - [Package] describes components to other languages, and [DecodeInputs] reads what
//     they give.
//
// # Tags
//
//	json      the setting's name. "-" hides a field from configuration: what the
//	          stack itself decides, such as the namespace of a component.
//	pulumi    the same name, or that of a hidden field, for programs in other
//	          languages, with ",optional" unless they have to give it. A field
//	          without it is for Go alone. On a component it names an output.
//	default   a number, a string or true; JSON for lists, maps and structs. The
//	          members of a struct's default fill in those that were left out.
//	min, max  the range of a number, or the least and largest quantity.
//	enum      the values that a string may have, separated by commas.
//	format    the name of a format of strings, see [Formats]. On a list or a map
//	          it holds for each item, as a range does.
//	required  "true" refuses an empty value.
//
// # Types
//
// A field is a string, an integer, a boolean, a struct, a pointer to one of
// these, a slice, a map, or one of Pulumi's inputs of strings, integers,
// booleans, string lists and string maps. An input may hold a value that is only
// known during the deployment; such a value is not checked here. A pointer tells
// "left out" from zero or false. An embedded struct's fields count as the outer
// struct's own, which may hide them by fields of the same name.
//
// # Errors
//
// Errors are apimachinery's field errors, in the order of the fields, with list
// indexes in numeric order and map keys sorted. [Err] joins them to one error
// with a line for each.
package settings
