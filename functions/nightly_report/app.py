"""A report made on a schedule: slow, as nightly work is."""

import csv
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

SALES = Path(__file__).with_name("sales.csv")


def handler(event, context):
    """Sum the sales of the day before the schedule's time, region by region."""
    day = (datetime.fromisoformat(event["time"].replace("Z", "+00:00")) - timedelta(days=1)).date()
    totals = {}
    with SALES.open(newline="") as file:
        for row in csv.DictReader(file):
            time.sleep(0.5)  # the warehouse takes its time for each row
            if row["weekday"] == day.strftime("%A"):
                totals[row["region"]] = totals.get(row["region"], 0) + int(row["amount"])
    made = datetime.now(UTC).isoformat(timespec="seconds")
    left = context.get_remaining_time_in_millis()
    print(f"report for {day} made at {made}, {left} ms before the time-out")
    return {"day": day.isoformat(), "made": made, "totals": totals}
