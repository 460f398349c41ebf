"""German, a starter."""

from worker.classify.languages.language import Language, phrases, weighted, words

GERMAN = Language(
    code="de",
    small=words(
        """
            der die das und ist nicht ich sie wir es ein eine einen einem einer mit für auf zu den dem des von
            war wurde wurden habe hat haben hatte kein keine keinen auch aber sich so nach bei wie als an um im
            am aus noch nur schon mehr sehr mich mir uns mein meine ihr ihre wird werden kann können man bin
            sind über dass daß wenn wieder seit immer alles vom zum zur bis ohne gibt nichts niemand
        """
    ),
    polar=weighted(
        good_3="""
            ausgezeichnet, hervorragend, fantastisch, großartig, perfekt, exzellent, super, spitze,
            spitzenmäßig, begeistert, wunderbar, genial, klasse, erstklassig, tadellos, einwandfrei,
            vorbildlich, überragend, top, bestens, mega, sehr zufrieden, sehr gut, vollste zufriedenheit, nur zu
            empfehlen, absolut empfehlenswert, besser geht es nicht
        """,
        good_2="""
            gut, gute, guter, gutes, guten, zufrieden, zufriedenheit, freundlich, freundliche, freundlicher,
            freundlichen, nett, nette, netter, netten, hilfsbereit, hilfsbereite, kompetent, kompetente,
            kompetenter, kompetenten, professionell, empfehlen, empfehlenswert, weiterempfehlen, danke, vielen
            dank, dankbar, toll, tolle, tolles, toller, schön, schöne, prima, zuverlässig, freue, gefreut,
            gefällt, gelöst, geholfen, reibungslos, problemlos, unkompliziert, höflich, keine probleme, kein
            problem, keine beschwerden, nichts zu beanstanden, nichts auszusetzen, alles bestens, alles gut,
            alles super, liebe, lieben, lob, beste, bester, bestes, begeistern, aufmerksam, zuvorkommend
        """,
        good_1="""
            schnell, schnelle, schneller, schnelles, einfach, leicht, pünktlich, günstig, fair, preiswert,
            sauber, klar, verständlich, hilfreich, angenehm, okay so, passt, funktioniert gut, rasch, zügig,
            stabil, wie versprochen, gerne
        """,
        bad_3="""
            katastrophe, katastrophal, katastrophale, schrecklich, furchtbar, fürchterlich, unverschämt,
            unverschämtheit, frechheit, frech, skandal, unmöglich, inakzeptabel, nicht akzeptabel, unterirdisch,
            grauenhaft, grauenvoll, miserabel, betrug, betrüger, betrogen, abzocke, lüge, lügen, gelogen,
            belogen, schlimmste, schlechteste, schlechtester, nie wieder, finger weg, saftladen, scheiße,
            scheiss, scheiß, mist, hölle, albtraum, alptraum, lachhaft, witz, schande, unfassbar, wütend,
            stinksauer, entsetzt, empört, wahnsinn, zumutung, unzumutbar, reicht jetzt
        """,
        bad_2="""
            schlecht, schlechte, schlechter, schlechtes, schlechten, enttäuscht, enttäuschend, enttäuschung,
            unzufrieden, unfreundlich, unfreundliche, unfreundlicher, unhöflich, inkompetent, unprofessionell,
            unzuverlässig, ärger, ärgerlich, ärgert, verärgert, geärgert, genervt, nervig, nervt, frustriert,
            frustrierend, sauer, traurig, leider, beschwerde, beschweren, beschwert, problem, probleme, fehler,
            fehlerhaft, falsch, falsche, falschen, defekt, kaputt, beschädigt, störung, störungen, ausfall,
            ausfälle, ausgefallen, abgestürzt, stürzt ab, funktioniert nicht, geht nicht, ging nicht, klappt
            nicht, läuft nicht, nicht erreichbar, niemand erreichbar, keiner zuständig, keine antwort, keine
            reaktion, keine rückmeldung, keine hilfe, nicht gemeldet, kein rückruf, nicht zurückgerufen, nicht
            gelöst, nicht geholfen, nicht geliefert, nicht angekommen, nicht gekommen, nicht erschienen,
            verspätet, verspätung, zu spät, zu lange, ewig, stundenlang, wochenlang, monatelang, warteschleife,
            lange wartezeit, lange wartezeiten, lange gewartet, langsam, zu langsam, viel zu, teuer, zu teuer,
            überteuert, wucher, doppelt abgebucht, zu viel berechnet, falsche rechnung, kompliziert,
            umständlich, unklar, chaos, chaotisch, vergessen, ignoriert, abgewimmelt, im stich gelassen,
            kündigen, kündige, kündigung, gekündigt, nicht zufrieden, nicht empfehlen, nicht zu empfehlen, nicht
            gut, keine lösung, schwierig, mangelhaft, ungenügend, dreckig, schmutzig, verloren, verschwendung,
            zeitverschwendung, unfähig
        """,
        bad_1="""
            warten, gewartet, wartezeit, wartezeiten, mehrfach, mehrmals, immer wieder, schon wieder, erneut,
            verbessern, verbesserungswürdig, ausbaufähig, könnte besser, nicht so, teilweise, preiserhöhung,
            erst nach, musste, schade, mühsam, anstrengend, verwirrend, unübersichtlich, laut, unpünktlich,
            fehlt, fehlte, mangel
        """,
    ),
    negators=words("nicht kein keine keinen keiner keinem nie niemals ohne weder nichts kaum"),
    wishes=phrases("mehr, wäre, könnte, sollte"),
    boosters={
        **dict.fromkeys(words("sehr extrem absolut total völlig wirklich echt besonders so richtig unglaublich"), 1.4),
        **dict.fromkeys(words("etwas eher ziemlich bisschen wenig teils manchmal"), 0.6),
    },
    contrasts=words("aber jedoch allerdings leider trotzdem obwohl"),
    fillers=words("ein eine einen der die das zu vor sehr so werde will möchte"),
    neutral=phrases("""
        ok, okay, in ordnung, geht so, nichts, keine, nein, ja, kein kommentar, weiß nicht,
        durchschnittlich, passt schon
        """),
)
