"""The words of which tasks are made: things, and names that are one token each behind a blank."""

_KEYS = """
apple river stone candle bridge garden window mirror ladder basket hammer ribbon castle forest desert island rocket
violin pencil jacket blanket kettle barrel anchor feather lantern marble saddle turtle walnut pepper tunnel temple
thunder meadow harbor fountain magnet needle orchard pillow quarry saucer shovel spider statue tablet tiger towel
trumpet velvet wagon whistle willow copper silver cotton dragon eagle falcon goose hunter judge knight lemon melon
nurse onion parrot queen rabbit salmon tailor uncle valley walrus zebra beaver camel donkey engine finger guitar
helmet insect jungle kitten lizard monkey nephew oyster pirate
"""
KEYS = tuple(_KEYS.split())
_NAMES = """
Martha Peter Susan George Helen Oliver Alice Henry Laura Victor Emma Daniel Julia Simon Clara Walter Nancy Robert Diana
Philip Rachel Martin Arthur Grace Edward Sarah Thomas Linda Albert Karen David Judith Frank Maria Steven Ellen James
Ruth Paul
"""
NAMES = tuple(_NAMES.split())
