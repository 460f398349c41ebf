"""English, as customers of services write it."""

from worker.classify.languages.language import Language, phrases, weighted, words

_POLAR = weighted(
    good_0="""
        great deal, good deal of, good luck, good morning, good afternoon, good evening, good day, take care,
        kind of, any kind, some kind, what kind, kind regards, best regards, best way, at best, do your best,
        doing your best, did your best, as well, as well as, would like, i would like, like to, to be fair, to
        be honest, customer satisfaction, thanks to, without doubt, without a doubt, no doubt, get it sorted,
        getting it sorted, get this sorted, faster broadband, superfast broadband, good reason, good enough
        reason, good thing, nice if, too easy, best interest, health problems, health issues, mental health,
        thanks for nothing
    """,
    good_3="""
        excellent, outstanding, amazing, fantastic, brilliant, superb, wonderful, exceptional, perfect,
        perfectly, flawless, exemplary, first class, first rate, top class, top notch, 5 star, five star, second
        to none, marvellous, marvelous, incredible, phenomenal, terrific, awesome, delighted, thrilled,
        overjoyed, stunning, magnificent, above and beyond, extra mile, could not be better, couldn't be better,
        could not be happier, couldn't be happier, could not have been better, couldn't have been better, could
        not ask for more, couldn't ask for more, can't fault, cannot fault, could not fault, couldn't fault,
        couldnt fault, cant fault, highly recommend, would highly recommend, absolutely love, best ever, the
        best, lifesaver, life saver, god send, godsend, 10 out of 10, ten out of ten, 100% satisfied, world
        class, best in class, faultless, impeccable
    """,
    good_2="""
        great, very good, really good, good service, love, loved, loves, loving, lovely, happy, happier,
        happiest, pleased, pleasure, pleasant, pleasantly, impressed, impressive, recommend, recommended,
        satisfied, satisfying, satisfaction, enjoyed, enjoy, enjoyable, enjoying, grateful, thankful,
        appreciate, appreciated, appreciation, kudos, well done, good job, great job, good work, helpful,
        friendly, kind, kindness, caring, compassionate, courteous, polite, professional, professionalism,
        knowledgeable, efficient, efficiently, efficiency, attentive, supportive, reassuring, reassured,
        welcoming, understanding, considerate, approachable, patient and, went out of their way, nothing was too
        much trouble, nothing too much trouble, made me feel at ease, put me at ease, seamless, smooth,
        smoothly, hassle free, trouble free, problem free, stress free, painless, effortless, no problem, no
        problems, no issue, no issues, no complaints, no complaint, no trouble, no hassle, no fuss, without any
        problems, without problems, without issue, without issues, without any issues, without a problem,
        without a hitch, never had a problem, never had any problems, never had any issues, never a problem, not
        had any problems, not had any issues, nothing but praise, nothing but good, nothing to complain about,
        nothing to improve, nothing needs improving, nothing could be improved, nothing could be better, keep it
        up, keep up the good work, no need to improve, no improvement needed, no improvements needed, good
        value, value for money, great value, well worth, worth it, worth every penny, resolved my, sorted it,
        fixed it, spot on, lightning fast, gem, star, hero, legend, blessed, beautiful, beautifully, gorgeous,
        flattering, comfy, cozy, cosy, comfortable, best, better than, exceeded, exceeds, exceeding, fab,
        stellar, glad, heart warming, heartfelt, cheerful, dedicated, generous, trustworthy, yay, woohoo, wow,
        congrats, congratulations, prompt, promptly, treated with respect, treated me with respect, with
        dignity, dignity, faultlessly, lifted my, would recommend, would definitely recommend, would certainly
        recommend, would thoroughly recommend, would happily recommend, would strongly recommend, would always
        recommend, without fault, no fault, no faults, not do any better, not have done any better, not do
        anything better, not have done anything better, nothing better, couldn't have asked for more, hard to
        fault, hard to find any faults, no concerns, never let me down, never let us down, never failed, problem
        solved, all sorted, sorted it out, fabulous, sympathetic, friendliness, helpfull, sorted straight away,
        got it sorted, sorted quickly, fixed quickly, resolved quickly, first class service, bravo, all good,
        very well, really well, treated well, treated very well, went well, well looked after, well organised,
        well organized, well informed, kept informed, kept updated, kept me updated, super, fav, excited,
        grateful for, did what it said
    """,
    good_1="""
        good, nice, nicely, fine, quick, quickly, fast, easy, easily, straightforward, clear, clearly explained,
        tidy, reliable, reliably, stable, consistent, trust, trusted, honest, fair, reasonably priced,
        affordable, bargain, competitive, on time, punctual, ahead of time, before time, as promised, as
        expected, as described, works well, working well, worked well, runs well, fits well, works fine, works
        great, no waiting, no wait, little wait, short wait, quick response, useful, convenient, flexible,
        accurate, informative, thorough, thoroughly, calm, gentle, respectful, respect, respected, listened,
        listens, listen to me, explained, responsive, capable, competent, confident, improved, improving,
        improvement on, positive, safe, secure, supported, looked after, cared for, taken care, took care of,
        took time, took the time, time to explain, felt at ease, at ease, relaxed, fun, soft, cute, favorite,
        favourite, like it, liked, i like, likes, keep it, keeper, compliments, complimented, true to size,
        versatile, quality, great quality, good quality, successful, successfully, smiling, smile, smiles,
        welcome, welcomed, welcomes, superior, sturdy, spacious, delicious, tasty, helped, helping, hardworking,
        hard working, thanks, thank you, thank u, thankyou, thx, thnx, cheers, works perfectly, work well, work
        fine, well made, well explained, well done to, very clean, nice and clean, very simple, simple to use,
        really simple, ease of, concise, informitve, reasonable price, very reasonable, great price, good price,
        cheap price, best price, super fast, nice and easy, easy to use, smoothly run, straight forward, solved,
        sorted, resolved, good support, great support, supportive staff, straight away, superfast
    """,
    bad_3="""
        terrible, horrible, horrendous, horrific, awful, appalling, appalled, atrocious, abysmal, dreadful,
        disgusting, disgusted, disgusts, disgrace, disgraceful, disgracefully, shocking, shockingly,
        unacceptable, inexcusable, unforgivable, outrageous, outraged, pathetic, useless, worthless, worst,
        hate, hated, hates, hating, hateful, hell, nightmare, shambles, shambolic, shameful, ashamed, joke,
        laughable, diabolical, woeful, disaster, disastrous, catastrophe, catastrophic, rubbish, garbage, trash,
        crap, crappy, shit, shitty, bullshit, sucks, sucked, suck, fuck, fucking, fucked, wtf, pissed, furious,
        livid, fuming, enraged, infuriating, infuriated, ridiculous, ridiculously, ludicrous, incompetent,
        incompetence, ineptitude, inept, scam, scammed, scammers, fraud, con, conned, rip off, ripped off,
        ripoff, robbery, theft, thieves, liars, liar, lied, lies, lying, dishonest, deceitful, deceived, never
        again, avoid at all costs, stay away, steer clear, do not use, don't use, waste of time, waste of money,
        wasted money, total waste, complete waste, beyond a joke, fed up, sick of, sick and tired, had enough,
        zero stars, 0 stars, worst ever, epic fail, not fit for purpose, unfit for purpose, absolute joke,
        taking the mick, couldn't care less, could not care less, don't care, do not care, doesn't care, does
        not care, insulting, insulted, unprofessional, unbelievable, unbelievably, negligent, negligence, abuse,
        abused, abusive, bullied, traumatic, traumatised, distraught, devastated, devastating, heartbroken,
        screwed, vile, thanks for nothing, thank you for nothing, unnaceptable, unacceptible, apalling,
        appaling, dissapointed, hideous, ombudsman, small claims, as much use as, inappropriate, completely
        inappropriate, deception, horrendously, clueless, disregard, sod off, piss off
    """,
    bad_2="""
        bad, badly, poor, poorest, worse, worsened, disappointed, disappointing, disappointment, disappoints,
        dissatisfied, dissatisfaction, unsatisfied, unsatisfactory, unhappy, unimpressed, displeased, annoyed,
        annoying, annoys, angry, anger, irritated, irritating, frustrated, frustrating, frustration,
        frustrations, upset, upsetting, distressed, distressing, distress, stressful, stressed, stressing,
        miserable, sad, sadly, cried, in tears, crying, complaint, complaints, complain, complained,
        complaining, rude, rudely, rudeness, impolite, arrogant, dismissive, patronising, patronizing,
        condescending, unhelpful, unfriendly, aggressive, hostile, offensive, ignored, ignoring, ignorant,
        neglected, uncaring, careless, lazy, abrupt, unreliable, inefficient, disorganised, disorganized, chaos,
        chaotic, mess, messed, messed up, botched, misled, mislead, misleading, mis sold, missold, mis-sold,
        overcharged, over charged, overcharging, overpriced, over priced, extortionate, too expensive, very
        expensive, hidden charges, hidden fees, charged twice, double charged, wrongly charged, charged wrong,
        unfair, unfairly, unreasonable, broken promises, false promises, empty promises, let down, lets down,
        lets you down, let me down, failed, failing, fails, fail, failure, failures, broken, broke, faulty,
        defective, damaged, ruined, unusable, unwatchable, stolen, horrid, nasty, dirty, filthy, unsafe,
        painful, agony, pain, suffered, suffering, suffer, worried, worrying, concerned, concerning, scared,
        scary, frightened, afraid, anxious, lack of, lacking, lacks, no help, no reply, no response, no answer,
        nobody answered, no one answered, never answered, never answer, no communication, no explanation, no
        apology, no record, no notice, no refund, no luck, no service, no internet, no signal, no connection, no
        broadband, no phone, no wifi, still no, still not, still waiting, still don't have, still do not have,
        still haven't, still have not, still hasn't, never came, never arrived, never turned up, never showed,
        never received, never got, never rang, never called, didn't turn up, did not turn up, failed to turn up,
        failure to turn up, no show, did not arrive, didn't arrive, not arrived, not received, haven't received,
        have not received, hasn't arrived, not delivered, not working, doesn't work, does not work, didn't work,
        did not work, don't work, do not work, never works, never worked, won't work, stopped working, not
        resolved, not solved, unresolved, not sorted, not fixed, not fit, not connected, cut off, cuts out,
        cutting out, drops out, dropping out, dropped out, keeps dropping, keeps going, keeps cutting, keeps
        crashing, keep having to, crashes, crashed, crash, freezes, freezing, glitch, glitches, buggy, outage,
        outages, buffering, lag, lagging, disconnected, disconnects, disconnecting, intermittent, sporadic,
        unstable, slow, slower, slowest, slowly, very slow, too slow, snail, long wait, long waits, too long, so
        long, forever, ages, for hours, hours on hold, hour on hold, on hold, kept waiting, kept on hold, waste,
        wasted, wasting, delay, delays, delayed, late, later than, cancelled flight, canceled, cancelled,
        stranded, stuck, lost my, lost luggage, lost bag, lost bags, missing, wrong, wrongly, incorrect,
        incorrectly, mistake, mistakes, error, errors, inaccurate, confusing, confused, confusion, difficult,
        difficulty, difficulties, hard to, impossible, pointless, hopeless, unable to, cannot get, can't get,
        cant get, could not get, couldn't get, nothing works, nothing happened, nobody knows, no one knows,
        passed around, passed from, pillar to post, back and forth, chasing, chased, repeatedly, numerous times,
        several times, multiple times, countless, time and again, third time, 3rd time, yet again, regret,
        regretted, wish i had, never should have, switching provider, changing provider, leaving as soon, can't
        wait to leave, want to leave, cancel my, cancelling my, dreaded, dire, grim, subpar, sub par, below par,
        mediocre, lousy, shoddy, tacky, flimsy, uncomfortable, itchy, unflattering, unwearable, ugly, smelly,
        stained, noisy, cramped, stale, cold food, tasteless, fail to, not good, no good, not great, not happy,
        not impressed, not satisfied, not pleased, not acceptable, not helpful, not recommend, wouldn't
        recommend, would not recommend, won't recommend, cannot recommend, can't recommend, don't recommend, do
        not recommend, hesitate to recommend, not worth, isn't worth, not as described, not as expected, not as
        advertised, not what i ordered, not what i expected, not what was promised, not honoured, deteriorated,
        went downhill, gone downhill, going downhill, understaffed, under staffed, short staffed, overworked,
        fuming, hung up, hang up, hangs up, hanging up, thank goodness i, problem, problems, problematic, issue,
        issues, fault, faults, trouble, troubles, hassle, ordeal, palaver, fiasco, farce, blamed, blame, excuse,
        excuses, refused, refuse, refuses, rejected, denied, ignores, inconvenience, inconvenient,
        inconvenienced, insufficient, inadequate, bumped, misplaced, mishandled, oversold, overbooked, stingy,
        sloppy, boring, bored, tired of, exhausting, unclear, dissapointing, disapointed, disapointing,
        disappointingly, no one turned up, nobody turned up, no one came, nobody came, no one called, nobody
        called, no one contacted, nobody contacted, no one told, nobody told, wasn't told, was not told, weren't
        told, not told, not informed, wasn't informed, not been done, nothing has been done, nothing was done,
        nothing done, nothing has happened, nothing has changed, nothing good, not been sorted, not been
        resolved, not been fixed, yet to receive, yet to be, still to be, still don't, still dont, still can't,
        still cannot, still unable, still no sign, have to wait, had to wait, having to wait, waited over,
        waiting over, waiting for over, over an hour, over a month, over a week, a month later, not as promised,
        not fitted, not installed, not set up, not set it up, haven't set up, not even started, haven't even,
        have not even, hasn't even, cut me off, kicked me off, put back, pushed back, put your prices up, put
        prices up, putting prices up, prices went up, price went up, prices up, too high, so high, high prices,
        high price, extra charges, extra charge, nothing but, no choice, no compensation, no communication from,
        no help available, less than helpful, do better, do not listen, don't listen, didn't listen, did not
        listen, doesn't listen, never listen, never listened, not listened, not listening, not caring, not
        offered, not the smoothest, not the best, least you could do, what a joke, spoiled, spoilt, unhappily,
        misinformed, wrong information, false information, different every time, contradicting, poorly
        organised, poorly communicated, lost our, sat on hold, minutes on hold, hrs on hold, hr on hold, hours
        waiting, hour wait, hr wait, minute wait, hour delay, hr delay, performed poorly, poorly made, very
        poorly, so poorly, poorly trained, poorly managed
    """,
    bad_1="""
        expensive, pricey, costly, dear, price increase, price increases, price rise, price hike, prices go up,
        increased price, too much, too many, too small, too big, too large, too tight, too short, too loud, too
        hot, too cold, runs small, runs large, too few, not enough, not long enough, not clear, not sure,
        unsure, unfortunately, waiting, waited, waits, wait time, wait times, waiting time, waiting times, weak,
        lower than, basic, average at best, mixed, okay ish, could be better, could have been better, could do
        better, could be improved, could improve, can be improved, room for improvement, needs improvement,
        needs improving, need to improve, needs to improve, must improve, should improve, improve, should be
        better, should have been, should have, need more, needs more, more staff, would be better, would have
        been better, would be nice, would have been nice, would like to see, would prefer, would have preferred,
        wish, if only, instead of, rather than, disrupted, disruption, interrupted, interruption, interruptions,
        dropped, drops, dropping, flooded, leak, leaking, noise, crowded, rushed, hurried, short notice, last
        minute, unexpected, unexpectedly, forgot, forgotten, overlooked, returned it, returning it, returned
        this, returning this, sent back, send back, going back, had to return, had to call, had to phone, had to
        ring, had to chase, have to call, chased up, took weeks, took months, took days, took hours, takes
        weeks, weeks later, months later, days later, took over, took forever, contradictory, conflicting,
        inconsistent, misunderstanding, complicated, lengthy, cheap looking, cheaply made, weird, strange,
        awkward, concern, concerns, doubt, doubts, shame, pity, struggle, struggled, struggling, not very, not
        really, less than, meh, underwhelming, underwhelmed, so so, overpaying, charged, tight, boxy, cheap
        material, see through, sheer, frumpy, baggy, shrunk, shrank, faded, ripped, fell apart, hole, quite
        high, not appropriate, old fashioned, outdated, needed a, could be more, could have been more, should be
        more, be more, more staff needed, need better, better communication, more communication, quicker, speed
        up, speed things up, not the cheapest, high cost, higher price, no date, months of, weeks of, three
        times, four times, 3 times, sooner, shorter, wait, get through, getting through, got through, long time,
        an hour, hours to, days to, weeks to, months to, it took, no one, nobody, was told, were told,
        been told, supposed to, trying to, tried to, no idea, hasn't, hasnt, hadn't, promised
    """,
)

ENGLISH = Language(
    code="en",
    small=words(
        """
            the and to of a in is it was that for on you with have this are be they at not had my we were me but
            as so from would have been has their there what when which who will your just very no if or an by
            about can all our he she i up out more service because after get got could do did don didn t s im
            ive they're its then than them too how only now again even still never ever being before other some
            any us over need should also into his her
        """
    ),
    polar=_POLAR,
    negators=words(
        """
            not no never nor neither t cannot cant dont didnt doesnt isnt wasnt wont wouldnt couldnt shouldnt
            arent werent havent hasnt hadnt without hardly barely scarcely zero
        """
    ),
    wishes=phrases("""
        more, a more, would be, could be, should be, might be, would have been, could have been, should have
        been, need to be, needs to be, want, if it was, if it were, if you were, make it
        """),
    boosters={
        **dict.fromkeys(
            words("very really extremely absolutely totally completely so too utterly incredibly truly"), 1.4
        ),
        **dict.fromkeys(words("highly always consistently thoroughly simply super particularly especially most"), 1.25),
        **dict.fromkeys(words("slightly somewhat bit little fairly quite rather sometimes occasionally mildly"), 0.6),
    },
    contrasts=words("but however although though yet except unfortunately"),
    fillers=words("a an the any be being been going to planning want wanting intend plan in of me us so very really"),
    neutral=phrases("""
        ok, okay, its ok, it's ok, it was ok, average, not bad, fine, alright, all right, nothing, none, no,
        yes, n/a, na, nil, no comment, no comments, nothing to add, nothing to say, not applicable, don't
        know, dont know, not sure, no idea, no reason, so so, neutral, neither, nothing in particular,
        nothing really, nothing comes to mind, can't think of anything, cannot think of anything, it's fine,
        its fine, acceptable, satisfactory, adequate, too early to say, too early to tell, just started, new
        customer, did not answer, no opinion
        """),
)
