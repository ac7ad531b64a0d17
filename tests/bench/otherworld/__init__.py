"""Worlds nobody tuned for: a second, independent generator of labelled telemetry.

It shares no code and no modelling choice on purpose with the product's generator. It starts from
what an API provider's log looks like: most accounts hardly used, a few enormous; request logs for
some accounts and hourly roll-ups for others; fields missing for reasons; strangers who share a
popular template, a device id of a privacy browser, a bank, a gateway. Then operators are put in.

    python -m tests.bench.otherworld --accounts 60000 --seed 1 --out DIR

    places    countries: clocks, carriers, banks, mail providers, phone numbers
    habits    what one provider's exports look like: formats, missing fields, window
    people    one row per account, with everything an ordinary person would show
    groups    campuses, families, rooms: people who share things
    firms     companies, gateways, back-ends in several accounts, agencies
    crowds    strangers who share one thing: a template, a device id, a bank, an hour
    operators a fleet's means: proxies, cards, domains, devices, templates, outputs
    styles    the fleets
    usage     requests and hourly roll-ups
    links     how much of each fleet exact matches would show
    files     clear values and tables; everything is a code until here
    world     puts it together
"""
