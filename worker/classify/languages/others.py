"""Small words of languages that innerloop cannot read, so that it can say which one a comment is in."""

from worker.classify.languages.language import words

OTHERS = {
    "it": words(
        """il lo gli di da del della dei delle e è un una che non per con sono ho hanno ha mi mia mio si nel nella alla
        al dal molto più ma anche come questo questa servizio stato nessuno grazie tutto sempre dopo perché
        ottimo pessimo cliente clienti settimane giorni ancora senza era loro riesco parlare bene buono"""
    ),
    "nl": words(
        """de het een en van ik niet met is dat op te voor zijn aan maar ook er naar om bij heb mijn wel geen was werd
        nog zeer erg veel goed slecht jullie wij hun deze dit wordt worden kan niemand weken dagen tevreden
        na al dan"""
    ),
    "pl": words(
        """i w na nie się z do jest to że od po za ale jak bardzo był była było mi mnie moje przez dla tylko już nikt
        tak nic obsługa dobrze działa tygodnia dni czas są mam przy ze oraz"""
    ),
    "sv": words(
        """och att det som en på är av för med inte den till har jag ett de om så men var mycket bra dåligt ingen kan
        mig min ni när från efter eller också bara alla tack er hade"""
    ),
    "da": words(
        """og at det som en på er af for med ikke den til har jeg et de om så men var meget godt dårlig ingen kan mig
        min jer når fra efter eller også kun alle tak jeres havde utilfreds"""
    ),
    "no": words(
        "og det som en på er av for med ikke den til har jeg et de om så men var veldig bra dårlig ingen meg min"
    ),
    "fi": words(
        "ja on ei että se oli hyvä huono palvelu kun mutta niin myös en ole olen asiakaspalvelu kiitos todella"
    ),
    "ro": words("și si nu este sunt cu la de pe un o care mai foarte bine pentru din ce am fost nimeni serviciu dar"),
    "cs": words("a je se na že to v s z do ale jsem nebyl byl velmi není jako tak po od pro už jen děkuji spokojený"),
    "hu": words("a az és nem egy hogy is volt van már csak nagyon de meg még jó rossz senki kell ha mint köszönöm"),
    "tr": words("ve bir bu çok için ama değil var yok da de ile olarak gibi kadar daha iyi kötü kimse teşekkürler hiç"),
    "ca": words("el la els les és i que no en un una per amb molt del al em hi ha han però més servei gràcies bé són"),
}
