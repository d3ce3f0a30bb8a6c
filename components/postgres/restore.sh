
# From here on for a shard with backups: completes a restore, makes one that is asked for, and keeps a lost volume from
# becoming an empty shard.
python3 -I "$CONFIG/restore.py" || exit 1
